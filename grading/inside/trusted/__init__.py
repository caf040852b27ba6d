"""What runs in the grader's second sandbox, where no student code is: never handed out, nor staged beside a submission.

With it anybody could have a network of the assignment without having written its shapes.
"""
