"""One module a stage; data.py, prepare.py and model.py are the ones to replace with your own."""
