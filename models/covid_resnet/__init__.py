"""Covid-ResNet: COVID-19 or not, from one CT slice."""
