module heliograph.tests/peers

go 1.20

require github.com/pusher/push-notifications-go v1.1.1
