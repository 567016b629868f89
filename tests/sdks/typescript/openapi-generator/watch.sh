node dist/first_watch.js
