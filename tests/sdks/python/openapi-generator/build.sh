python -m compileall -q waypost_api
pyright
