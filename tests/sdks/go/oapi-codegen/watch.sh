./first_watch/first_watch
