"""What the algorithms share: NumPy data types, data sets, metrics, and the MindSpore layer shim."""

if __name__ != "zoo.common":
    raise ImportError("import this package as zoo.common (the checkout's folders are installed under the name zoo)")
