"""
A simulated sample project for seeing the loop turn without a network, a token or Docker

The law of this folder: only the project and its runs are simulated, and every screen says so. What the loop does with them is
the product itself; nothing here tells it what to find, what to predict or what to decide. The seed draws the world (`truth`,
`traffic`), the workflow files say what happens in it (`actions`), git keeps it (`sample`), and `story` lets it pass.
"""
