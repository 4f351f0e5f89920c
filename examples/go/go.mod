module shardcast.example/ledger

go 1.21
