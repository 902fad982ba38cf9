"""What an evaluation tells beyond one figure: subgroups, operating points, tables, one page for a reviewer."""

# scores of a class that are shown where there is no room for all
HEADLINES = ("cases", "sensitivity", "specificity", "ppv", "npv", "f1", "roc_auc", "average_precision")
