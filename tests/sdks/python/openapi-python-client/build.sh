pyright
