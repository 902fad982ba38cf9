"""What an evaluation tells beyond one figure: subgroups, operating points, tables, one page for a reviewer."""
