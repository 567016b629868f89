node dist/main_job.js
