"""Mumford-Shah: regions of even intensity with short borders."""
