<?php
// How the sites credit today: a lock, a read, a plain write. Nothing is brought to disk.
$input = json_decode(file_get_contents('php://input'), true);
$file = getenv('AXLE_BENCH_BALANCES') . '/' . basename($input['user_id']) . '.txt';
$lock = fopen($file . '.lock', 'c');
flock($lock, LOCK_EX);
$data = json_decode(file_get_contents($file), true);
$data['balance'] += $input['net_change'];
$data['last_updated'] = time();
file_put_contents($file, json_encode($data, JSON_PRETTY_PRINT));
flock($lock, LOCK_UN);
fclose($lock);
header('Content-Type: application/json');
$answer = json_encode(['success' => true, 'balance' => $data['balance']]);
header('Content-Length: ' . strlen($answer));
echo $answer;
