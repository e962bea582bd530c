"""The tools a model works with: files of the workspace, and nothing else.

*Specs* says what each takes and how the model is told; *files* reaches the workspace, never through
a link that leads out of it; *toolbox* runs a call and says in words what came of it.
"""
