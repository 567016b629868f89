python -m compileall -q waypost_client
pyright
