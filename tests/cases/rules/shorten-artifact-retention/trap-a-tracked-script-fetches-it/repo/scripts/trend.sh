gh run download --name coverage
