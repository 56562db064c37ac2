"""Files in the place of an app: found, judged by their validators, cut into ranges, and sent."""
