"""How the model that ships is made: from a folder of raw data to the finished folder, by one command.

python -m bertlab.recipes mini --data FOLDER --start FOLDER --out FOLDER
python -m bertlab.recipes task sentiment --data FOLDER --base FOLDER --out FOLDER --minutes 4
"""
