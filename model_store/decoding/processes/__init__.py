"""One decoder in several processes: on a CPU two threads of one step gain less than two steps at once."""
