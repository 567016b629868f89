./main_job
