"""What a diff is made of on the screen: where rows stand, how lines look, which words changed."""
