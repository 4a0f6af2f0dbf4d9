module ctflow/bench/peers/antrea

go 1.26

require antrea.io/antrea/v2 v2.7.0
