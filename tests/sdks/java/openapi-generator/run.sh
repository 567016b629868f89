mvn --quiet --batch-mode exec:java
