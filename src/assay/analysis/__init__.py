"""What a posterior says about the parameters: its minima, statistics, sensitivities and Markov chains."""
