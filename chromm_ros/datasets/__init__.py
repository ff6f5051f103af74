"""The paper's data sets as their users download them: one interface, one file per set."""
