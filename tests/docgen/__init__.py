"""Generated pages and schemas are as their types say."""
