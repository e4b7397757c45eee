"""What each command of scaffold does; the command line itself is cli.py."""
