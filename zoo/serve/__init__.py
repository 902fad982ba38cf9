"""A service that answers over HTTP, with a page to try every model; FastAPI is only needed here."""
