"""Covid-Transformer: COVID-19 or not, from one CT slice, by a vision transformer."""
