"""Does a list of actions with a control group find what is true?"""
