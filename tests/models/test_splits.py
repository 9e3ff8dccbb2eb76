from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.models.splits import entity_folds, time_ordered_splits

DAY0 = np.datetime64("2024-01-01")
rows = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from([0, 28, 56, 84, 112])), min_size=1, max_size=60
)


@given(rows=rows, horizon=st.sampled_from([0, 28, 84, 365]), n_folds=st.integers(1, 4))
def test_validation_rows_are_later_and_of_other_entities(rows, horizon, n_folds):
    entities = np.array([entity for entity, _ in rows])
    days = np.array([day for _, day in rows])
    splits = time_ordered_splits(
        entities, DAY0 + days.astype("timedelta64[D]"), horizon_days=horizon, n_folds=n_folds
    )
    validated = np.concatenate([np.zeros(0, int), *(split.validation for split in splits)])
    assert len(validated) == len(np.unique(validated))
    for split in splits:
        assert not set(entities[split.fit]) & set(entities[split.validation])
        assert set(days[split.validation]) == {days.max()}
        assert days[split.fit].max() <= days.max()
        if horizon and (days + horizon <= days.max()).any():
            assert (days[split.fit] + horizon <= days.max()).all()
        elif (days < days.max()).any():
            assert (days[split.fit] < days.max()).all()


def test_every_entity_of_the_last_cutoff_validates_once():
    entities = np.repeat(np.arange(30), 3)
    cutoffs = np.tile(DAY0 + np.array([0, 28, 112]).astype("timedelta64[D]"), 30)
    splits = time_ordered_splits(entities, cutoffs, horizon_days=84, n_folds=3, seed=1)
    validated = np.sort(np.concatenate([split.validation for split in splits]))
    assert validated.tolist() == np.flatnonzero(cutoffs == cutoffs.max()).tolist()
    assert [len(split.validation) for split in splits] == [10, 10, 10]


def test_one_entity_cannot_be_split():
    assert time_ordered_splits(["a", "a"], [DAY0, DAY0 + 28], horizon_days=0) == ()
    assert time_ordered_splits([], [], horizon_days=0) == ()


def test_folds_depend_only_on_the_seed():
    entities = [f"c{i % 50}" for i in range(200)]
    again = entity_folds(entities, n_folds=3, seed=5)
    assert (entity_folds(entities, n_folds=3, seed=5) == again).all()
    assert (entity_folds(entities, n_folds=3, seed=6) != again).any()
    assert np.bincount(again[:50]).tolist() == [17, 17, 16]
