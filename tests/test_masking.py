"""Secrets are masked in URIs, options, messages, and in what is shown of a configuration."""

from __future__ import annotations

import json
import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.config import EngineConfig, PipelineConfig, TrackingConfig, read_config
from engagement_ml.config.secrets import revealed_options, revealed_uri
from engagement_ml.errors import ConfigError, InputError
from engagement_ml.masking import is_masked, masked, masked_option, masked_uri
from engagement_ml.workflow.parameters import merge_config
from engagement_ml.workflow.settings import to_yaml

SECRET = "g3heim-wort"


@given(st.text(string.ascii_letters + string.digits + "!$*+-._~:;=?#[]@/ %", min_size=1))
def test_no_password_of_a_uri_is_left(password):
    plain = f"{SECRET}{password}{SECRET}"
    for scheme in ("https", "postgresql+psycopg2", "s3a"):
        uri = f"{scheme}://ann:{quote(plain, safe='')}@host:5000/path"
        assert masked_uri(uri) == f"{scheme}://ann:***@host:5000/path"
        assert masked(f"tracking store {uri}: refused") == (
            f"tracking store {scheme}://ann:***@host:5000/path: refused"
        )
        assert masked_uri(masked_uri(uri)) == masked_uri(uri)
        assert is_masked(masked_uri(uri))
        assert not is_masked(uri)


@pytest.mark.parametrize(
    "text",
    [
        "http://host:5000/models@champion",
        "models:/shop@champion",
        "sqlite:////data/mlflow.db?timeout=5",
        "postgresql://ann@host/db",
        "https://ann:${PASSWORD}@host",
        "events/token=7/part.parquet is missing column 'password'",
        "error: http://host:5000: no answer (refused); mail ann@host",
    ],
)
def test_what_is_no_secret_stays(text):
    assert (masked_uri(text) if "://" in text[:14] else text) == text
    assert "***" not in masked(text.replace("token=7", "kind=7"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("spark.hadoop.fs.s3a.access.key", SECRET),
        ("spark.hadoop.fs.s3a.secret.key", SECRET),
        ("spark.hadoop.fs.s3a.session.token", SECRET),
        ("spark.hadoop.fs.azure.account.key.shop.dfs.core.windows.net", SECRET),
        ("spark.hadoop.fs.azure.sas.box.shop", SECRET),
        ("spark.hadoop.fs.s3a.server-side-encryption.key", SECRET),
        ("spark.ssl.keyPassword", SECRET),
        ("spark.authenticate.secret", SECRET),
        ("spark.hadoop.javax.jdo.option.ConnectionURL", f"jdbc:mysql://h/d?password={SECRET}"),
        ("spark.driver.extraJavaOptions", f"-Xmx1g -Dstore.keyPassword={SECRET} -ea"),
        ("spark.hadoop.odbc", f"mssql://h?odbc_connect=UID%3Dann%3BPWD%3D{SECRET}%3BDB%3Dx"),
    ],
)
def test_secret_options_are_masked(name, value):
    assert SECRET not in masked_option(name, value)
    config = EngineConfig(kind="spark", options={name: value})
    assert SECRET not in repr(config)
    whole = PipelineConfig(name="shop", engine=config)
    assert SECRET not in json.dumps(whole.to_dict()) + to_yaml(whole) + repr(whole)
    assert whole.to_dict(secrets=True)["engine"]["options"] == {name: value}


def test_a_configuration_keeps_its_secrets_where_it_is_used():
    uri = f"postgresql://ann:{SECRET}@host/mlflow"
    config = PipelineConfig(name="shop", tracking={"uri": uri})
    assert merge_config(config, {"random_seed": 3}, origin="test").tracking.uri == uri
    assert config.to_dict()["tracking"]["uri"] == "postgresql://ann:***@host/mlflow"
    assert SECRET not in repr(TrackingConfig(uri=uri))
    other = config.model_copy(update={"tracking": TrackingConfig(uri=uri.replace("g3", "h4"))})
    assert other.fingerprint == config.fingerprint


def test_environment_variables_are_read_when_they_are_used(monkeypatch):
    uri = "postgresql://ann:${SHOP_PASSWORD}@host/mlflow"
    config = PipelineConfig(name="shop", tracking={"uri": uri})
    assert config.to_dict()["tracking"]["uri"] == uri
    with pytest.raises(ConfigError, match=r"'tracking.uri': the environment variable SHOP_PASS"):
        revealed_uri(uri)
    monkeypatch.setenv("SHOP_PASSWORD", "w0rt-der-ann")
    assert revealed_uri(uri) == "postgresql://ann:w0rt-der-ann@host/mlflow"
    # From now on, it is known as a secret in any text.
    assert str(InputError("the driver says w0rt-der-ann")) == "the driver says ***"
    options = {"spark.authenticate.secret": "${SHOP_PASSWORD}", "spark.app.name": "shop"}
    assert revealed_options(options)["spark.authenticate.secret"] == "w0rt-der-ann"
    assert EngineConfig(kind="spark", options=options).model_dump()["options"] == options


@pytest.mark.parametrize(
    "text",
    [
        f"name: shop\ntracking: 'postgresql://ann:{SECRET}@host/db'\n",
        f"name: shop\nengine: {{kind: spark, options: {{spark.authenticate.secret: [{SECRET}\n",
        f"name: shop\nengine: {{kind: duckdb, options: {{spark.authenticate.secret: {SECRET}}}}}\n",
        f"name: shop\ntracking: {{uri: ['postgresql://ann:{SECRET}@host/db']}}\n",
    ],
)
def test_errors_of_a_configuration_show_no_secret(tmp_path, text):
    file = tmp_path / "shop.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config(file)
    assert SECRET not in str(caught.value)
    assert SECRET not in "".join(getattr(caught.value, "problems", ()))
