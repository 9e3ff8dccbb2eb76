"""The choice among what passed: SHAP, stability, response curves, weights, indicators."""
