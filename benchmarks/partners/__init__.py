"""Partners who serve customers: do verdicts, effects and intervals hold for what partners do?"""
