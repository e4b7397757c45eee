"""data.py, features.py and model.py are yours; the packages beside them are the common part."""
