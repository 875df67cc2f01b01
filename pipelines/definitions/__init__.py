"""From the text of a project's files to the frozen values of `pipelines.model`, with every problem and its place."""
