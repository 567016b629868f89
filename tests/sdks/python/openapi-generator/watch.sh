python first_watch.py
