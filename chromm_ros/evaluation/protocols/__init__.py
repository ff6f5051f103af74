"""The paper's data sets as benchmarks: what is predicted, who is compared with whom, the scores, the tables."""
