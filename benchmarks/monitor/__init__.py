"""Does the monitor stay quiet in quiet weeks, and does it find faults? Simulated, truth known."""
