python main_job.py
