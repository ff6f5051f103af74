"""The paper's metrics, data sets, ablations and reports."""
