"""What runs in the grader's second sandbox, where no student code is. Never handed out, never staged beside a submission.

With it anybody could have a network of the assignment without having written its shapes.
"""
