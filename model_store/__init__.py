"""What training and serving must agree on: text to ids, the network, the decoder, the bundle."""
