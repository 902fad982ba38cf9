"""One package per algorithm; none imports another."""

if __name__ != "zoo.models":
    raise ImportError("import this package as zoo.models (the checkout's folders are installed under the name zoo)")
