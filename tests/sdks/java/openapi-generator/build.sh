mvn --quiet --batch-mode compile
