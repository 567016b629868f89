mvn --quiet --batch-mode exec:java -Dexec.mainClass=FirstWatch
