"""Settings, bricks and charts into one Deployment, or one refusal."""
