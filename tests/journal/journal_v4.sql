PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'mvx','0001_journal','2026-11-30 17:30:42.260995+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'mvx','0002_bad_weather','2026-11-30 17:30:42.262582+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'mvx','0003_never_left','2026-11-30 17:30:42.262759+00:00');
INSERT INTO "_sqlite_migrations" VALUES(4,'mvx','0004_gross_trade_amt','2026-11-30 17:30:42.263552+00:00');
CREATE TABLE anchors (
  venue TEXT NOT NULL, asset TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL,
  amount TEXT NOT NULL, at INTEGER NOT NULL, listed TEXT NOT NULL,
  PRIMARY KEY (venue, asset, seq)) STRICT, WITHOUT ROWID;
INSERT INTO "anchors" VALUES('kraken','BTC',2,'opening','10',1795348800000000,'["old"]');
INSERT INTO "anchors" VALUES('kraken','USD',2,'opening','1000',1795348800000000,'["old"]');
INSERT INTO "anchors" VALUES('kraken','USD',12,'adjustment','-3.5',1795348809000000,'[]');
CREATE TABLE breaks (
  id INTEGER PRIMARY KEY, ref TEXT NOT NULL UNIQUE, venue TEXT NOT NULL, kind TEXT NOT NULL, asset TEXT,
  cl_ord_id TEXT, exec_id TEXT, ours TEXT NOT NULL, theirs TEXT NOT NULL, corrected INTEGER NOT NULL,
  at INTEGER NOT NULL, note TEXT NOT NULL, acked_at INTEGER, acked_by TEXT) STRICT;
INSERT INTO "breaks" VALUES(13,'r1','kraken','balance','BTC',NULL,NULL,'1','2',1,1795348801000000,'',1795348801000000,'ops');
CREATE TABLE busts (
  seq INTEGER PRIMARY KEY, venue TEXT NOT NULL, account TEXT NOT NULL, epoch TEXT NOT NULL,
  symbol TEXT NOT NULL, side TEXT NOT NULL, exec_id TEXT NOT NULL, order_id TEXT NOT NULL, qty TEXT NOT NULL,
  price TEXT NOT NULL, fee_asset TEXT NOT NULL, fee_amount TEXT NOT NULL, at INTEGER NOT NULL,
  busted_at INTEGER NOT NULL, base TEXT NOT NULL, quote TEXT NOT NULL, cl_ord_id TEXT REFERENCES orders,
  absorbed TEXT NOT NULL, postings TEXT NOT NULL, gross_trade_amt TEXT,
  UNIQUE (venue, account, epoch, symbol, side, exec_id)) STRICT;
INSERT INTO "busts" VALUES(16,'kraken','main','','BTC/USD','buy','old','V1','0.1','99','USD','0',1795348801000000,1795348804000000,'BTC','USD',NULL,'{}','[["BTC","-0.1","bust"],["USD","9.9","bust"]]',NULL);
CREATE TABLE contact (
  venue TEXT PRIMARY KEY, answered_at INTEGER, agreed_at INTEGER, failed_at INTEGER, failed_why TEXT,
  read_began_at INTEGER, cursor_at INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE doubts (
  venue TEXT NOT NULL, asset TEXT NOT NULL, ours TEXT NOT NULL, theirs TEXT NOT NULL,
  read_at INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (venue, asset)) STRICT, WITHOUT ROWID;
INSERT INTO "doubts" VALUES('kraken','BTC','1','2',1795348809000000,11);
CREATE TABLE fills (
  seq INTEGER PRIMARY KEY, venue TEXT NOT NULL, account TEXT NOT NULL, epoch TEXT NOT NULL,
  symbol TEXT NOT NULL, side TEXT NOT NULL, exec_id TEXT NOT NULL, order_id TEXT NOT NULL, qty TEXT NOT NULL,
  price TEXT NOT NULL, fee_asset TEXT NOT NULL, fee_amount TEXT NOT NULL, at INTEGER NOT NULL,
  base TEXT NOT NULL, quote TEXT NOT NULL, cl_ord_id TEXT REFERENCES orders, absorbed TEXT NOT NULL,
  postings TEXT NOT NULL, gross_trade_amt TEXT,
  UNIQUE (venue, account, epoch, symbol, side, exec_id)) STRICT;
INSERT INTO "fills" VALUES(9,'kraken','main','','BTC/USD','buy','e1','V1','0.4','99','USD','0.1',1795348801000000,'BTC','USD','m1','{}','[["BTC","0.4","trade"],["USD","-39.6","trade"],["USD","-0.1","fee"]]',NULL);
INSERT INTO "fills" VALUES(20,'kraken','main','','BTC/USD','sell','cut','X','0.015','100','USD','0',1795348801000000,'BTC','USD',NULL,'{}','[["BTC","-0.015","trade"],["USD","1.4","trade"]]','1.4');
CREATE TABLE health (venue TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE heard (
  venue TEXT NOT NULL, account TEXT NOT NULL, epoch TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
  exec_id TEXT NOT NULL, seq INTEGER NOT NULL, order_id TEXT NOT NULL, qty TEXT NOT NULL, price TEXT NOT NULL,
  fee_asset TEXT NOT NULL, fee_amount TEXT NOT NULL, at INTEGER NOT NULL,
  cl_ord_id TEXT NOT NULL REFERENCES orders, heard_at INTEGER NOT NULL, gross_trade_amt TEXT,
  PRIMARY KEY (venue, account, epoch, symbol, side, exec_id)) STRICT, WITHOUT ROWID;
INSERT INTO "heard" VALUES('kraken','main','','BTC/USD','buy','e9',15,'V1','0.2','99','USD','0',1795348801000000,'m1',1795348801000000,NULL);
CREATE TABLE holdings (
  venue TEXT NOT NULL, asset TEXT NOT NULL, confirmed TEXT NOT NULL, baseline TEXT NOT NULL,
  last_seq INTEGER NOT NULL,   PRIMARY KEY (venue, asset)) STRICT, WITHOUT ROWID;
INSERT INTO "holdings" VALUES('kraken','BTC','10.285','2',20);
INSERT INTO "holdings" VALUES('kraken','USD','973.1','1005',20);
CREATE TABLE jobs (
  job_id TEXT PRIMARY KEY, kind TEXT NOT NULL, params TEXT NOT NULL, by TEXT NOT NULL, status TEXT NOT NULL,
  worker TEXT, answer TEXT, at INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "jobs" VALUES('j1','route','{}','ops','queued',NULL,NULL,1795348801000000,4);
CREATE TABLE leases (
  name TEXT PRIMARY KEY, holder TEXT NOT NULL, fence INTEGER NOT NULL, expires_at INTEGER NOT NULL)
  STRICT, WITHOUT ROWID;
CREATE TABLE log (
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL) STRICT;
INSERT INTO "log" VALUES(1,1796059842263653,'JournalOpened','{"epoch":"l386cs5kb0","mode":"paper"}');
INSERT INTO "log" VALUES(2,1795348801000000,'Opening','{"venue":"kraken","account":"main","at":1795348800000000,"balances":{"BTC":"10","USD":"1000"},"baseline":{"BTC":"2"},"listed":["old"]}');
INSERT INTO "log" VALUES(3,1795348801000000,'ParentOpened','{"parent_id":"p1","key":"key-1","params":"{}","instrument":"BTC-USD","side":"buy","order_qty":"3"}');
INSERT INTO "log" VALUES(4,1795348801000000,'JobQueued','{"job_id":"j1","kind":"route","params":"{}","by":"ops"}');
INSERT INTO "log" VALUES(5,1795348801000000,'Intended','{"order":{"cl_ord_id":"m1","parent_id":"p1","venue":"kraken","account":"main","symbol":"BTC/USD","instrument":"BTC-USD","base":"BTC","quote":"USD","side":"buy","order_qty":"1","limit_px":"100","time_in_force":"gtc","post_only":false,"created_at":1795348800000000,"deadline":1795348805000000,"fee_bps":"0","fee_assets":["USD"],"max_px":null,"sending":true,"ord_status":"PENDING_NEW","unknown":false,"settled":false,"reason":"","order_id":null,"cum_qty":"0","avg_px":null,"filled_qty":"0","filled_notional":"0","busted_qty":"0","heard_qty":"0","heard_notional":"0","terminal_at":null,"absent_since":null}}');
INSERT INTO "log" VALUES(6,1795348801000000,'Intended','{"order":{"cl_ord_id":"m2","parent_id":"p1","venue":"kraken","account":"main","symbol":"BTC/USD","instrument":"BTC-USD","base":"BTC","quote":"USD","side":"sell","order_qty":"2","limit_px":"100","time_in_force":"gtc","post_only":false,"created_at":1795348800000000,"deadline":1795348805000000,"fee_bps":"0","fee_assets":["USD","BNB"],"max_px":null,"sending":true,"ord_status":"PENDING_NEW","unknown":false,"settled":false,"reason":"","order_id":null,"cum_qty":"0","avg_px":null,"filled_qty":"0","filled_notional":"0","busted_qty":"0","heard_qty":"0","heard_notional":"0","terminal_at":null,"absent_since":null}}');
INSERT INTO "log" VALUES(7,1795348801000000,'ForeignOrderFound','{"order":{"cl_ord_id":"m3","parent_id":null,"venue":"kraken","account":"main","symbol":"BTC/USD","instrument":"BTC-USD","base":"BTC","quote":"USD","side":"buy","order_qty":"1","limit_px":"100","time_in_force":"gtc","post_only":false,"created_at":1795348800000000,"deadline":1795348805000000,"fee_bps":"0","fee_assets":["USD"],"max_px":null,"sending":true,"ord_status":"PENDING_NEW","unknown":false,"settled":false,"reason":"","order_id":"V3","cum_qty":"0","avg_px":null,"filled_qty":"0","filled_notional":"0","busted_qty":"0","heard_qty":"0","heard_notional":"0","terminal_at":null,"absent_since":null}}');
INSERT INTO "log" VALUES(8,1795348801000000,'Acked','{"cl_ord_id":"m1","order_id":"V1"}');
INSERT INTO "log" VALUES(9,1795348801000000,'FillBooked','{"fill":{"venue":"kraken","account":"main","epoch":"","symbol":"BTC/USD","side":"buy","exec_id":"e1","order_id":"V1","qty":"0.4","price":"99","fee_asset":"USD","fee_amount":"0.1","at":1795348801000000,"busted_at":null,"gross_trade_amt":null},"base":"BTC","quote":"USD","cl_ord_id":"m1","absorbed":{}}');
INSERT INTO "log" VALUES(10,1795348801000000,'Reported','{"cl_ord_id":"m1","report":{"order_id":"V1","cl_ord_id":"m1","symbol":"BTC/USD","side":"buy","order_qty":"1","limit_px":"100","cum_qty":"0.4","avg_px":"100","ord_status":"CANCELED","created_at":1795348801000000,"updated_at":1795348802000000}}');
INSERT INTO "log" VALUES(11,1795348801000000,'BalanceDoubted','{"venue":"kraken","asset":"BTC","ours":"1","theirs":"2","read_at":1795348809000000}');
INSERT INTO "log" VALUES(12,1795348801000000,'Adjusted','{"venue":"kraken","account":"main","asset":"USD","amount":"-3.5","at":1795348809000000,"listed":[]}');
INSERT INTO "log" VALUES(13,1795348801000000,'BreakFound','{"ref":"r1","venue":"kraken","kind":"balance","asset":"BTC","cl_ord_id":null,"exec_id":null,"ours":"1","theirs":"2","corrected":true,"note":""}');
INSERT INTO "log" VALUES(14,1795348801000000,'BreakAcked','{"ref":"r1","by":"ops"}');
INSERT INTO "log" VALUES(15,1795348801000000,'Heard','{"report":{"venue":"kraken","cl_ord_id":"m1","order_id":"V1","symbol":"BTC/USD","side":"buy","exec_type":"PARTIAL_FILL","fill":{"venue":"kraken","account":"main","epoch":"","symbol":"BTC/USD","side":"buy","exec_id":"e9","order_id":"V1","qty":"0.2","price":"99","fee_asset":"USD","fee_amount":"0","at":1795348801000000,"busted_at":null,"gross_trade_amt":null},"at":1795348803000000}}');
INSERT INTO "log" VALUES(16,1795348801000000,'FillBusted','{"fill":{"venue":"kraken","account":"main","epoch":"","symbol":"BTC/USD","side":"buy","exec_id":"old","order_id":"V1","qty":"0.1","price":"99","fee_asset":"USD","fee_amount":"0","at":1795348801000000,"busted_at":1795348804000000,"gross_trade_amt":null},"base":"BTC","quote":"USD","cl_ord_id":null,"absorbed":{}}');
INSERT INTO "log" VALUES(17,1795348801000000,'TransferBooked','{"transfer":{"venue":"kraken","account":"main","epoch":"","transfer_id":"t1","asset":"USD","amount":"5","at":1795348804000000,"undated":false},"absorbed":{},"in_baseline":false}');
INSERT INTO "log" VALUES(18,1795348801000000,'TradingSet','{"venue":"kraken","state":"HALTED","reason":"maintenance","by":"ops"}');
INSERT INTO "log" VALUES(19,1795348801000000,'OutcomeLost','{"cl_ord_id":"m2","reason":"timeout"}');
INSERT INTO "log" VALUES(20,1795348801000000,'FillBooked','{"fill":{"venue":"kraken","account":"main","epoch":"","symbol":"BTC/USD","side":"sell","exec_id":"cut","order_id":"X","qty":"0.015","price":"100","fee_asset":"USD","fee_amount":"0","at":1795348801000000,"busted_at":null,"gross_trade_amt":"1.4"},"base":"BTC","quote":"USD","cl_ord_id":null,"absorbed":{}}');
CREATE TABLE marks (
  instrument TEXT PRIMARY KEY, px TEXT NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('epoch','l386cs5kb0');
INSERT INTO "meta" VALUES('jobs','1');
INSERT INTO "meta" VALUES('mode','paper');
INSERT INTO "meta" VALUES('orders','2');
INSERT INTO "meta" VALUES('parents','1');
CREATE TABLE orders (
  cl_ord_id TEXT PRIMARY KEY, parent_id TEXT REFERENCES parents, venue TEXT NOT NULL,
  account TEXT NOT NULL, symbol TEXT NOT NULL, instrument TEXT NOT NULL, base TEXT NOT NULL,
  quote TEXT NOT NULL, side TEXT NOT NULL, order_qty TEXT NOT NULL, limit_px TEXT NOT NULL,
  time_in_force TEXT NOT NULL, post_only INTEGER NOT NULL, created_at INTEGER NOT NULL,
  deadline INTEGER NOT NULL, fee_bps TEXT NOT NULL, fee_assets TEXT NOT NULL, max_px TEXT,
  ord_status TEXT NOT NULL, unknown INTEGER NOT NULL, settled INTEGER NOT NULL, reason TEXT NOT NULL,
  order_id TEXT, cum_qty TEXT NOT NULL, avg_px TEXT, filled_qty TEXT NOT NULL,
  filled_notional TEXT NOT NULL, terminal_at INTEGER, absent_since INTEGER,
  seq INTEGER NOT NULL, sending INTEGER NOT NULL DEFAULT 1, busted_qty TEXT NOT NULL DEFAULT '0', heard_qty TEXT NOT NULL DEFAULT '0', heard_notional TEXT NOT NULL DEFAULT '0') STRICT, WITHOUT ROWID;
INSERT INTO "orders" VALUES('m1','p1','kraken','main','BTC/USD','BTC-USD','BTC','USD','buy','1','100','gtc',0,1795348800000000,1795348805000000,'0','USD',NULL,'CANCELED',0,0,'','V1','0.4',NULL,'0.4','39.6',1795348801000000,NULL,5,1,'0','0.2','19.8');
INSERT INTO "orders" VALUES('m2','p1','kraken','main','BTC/USD','BTC-USD','BTC','USD','sell','2','100','gtc',0,1795348800000000,1795348805000000,'0','USD BNB',NULL,'PENDING_NEW',1,0,'timeout',NULL,'0',NULL,'0','0',NULL,NULL,6,1,'0','0','0');
INSERT INTO "orders" VALUES('m3',NULL,'kraken','main','BTC/USD','BTC-USD','BTC','USD','buy','1','100','gtc',0,1795348800000000,1795348805000000,'0','USD',NULL,'PENDING_NEW',0,0,'','V3','0',NULL,'0','0',NULL,NULL,7,1,'0','0','0');
CREATE TABLE parents (
  parent_id TEXT PRIMARY KEY, key TEXT UNIQUE, params TEXT NOT NULL, instrument TEXT NOT NULL,
  side TEXT NOT NULL, order_qty TEXT NOT NULL, status TEXT NOT NULL, result TEXT,
  opened_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "parents" VALUES('p1','key-1','{}','BTC-USD','buy','3','working',NULL,1795348801000000);
CREATE TABLE trading (
  scope TEXT PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL, by TEXT NOT NULL,
  at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "trading" VALUES('kraken','HALTED','maintenance','ops',1795348801000000);
CREATE TABLE transfers (
  seq INTEGER PRIMARY KEY, venue TEXT NOT NULL, account TEXT NOT NULL, epoch TEXT NOT NULL,
  transfer_id TEXT NOT NULL, asset TEXT NOT NULL, amount TEXT NOT NULL, at INTEGER NOT NULL,
  absorbed TEXT NOT NULL, postings TEXT NOT NULL,
  UNIQUE (venue, account, epoch, transfer_id)) STRICT;
INSERT INTO "transfers" VALUES(17,'kraken','main','','t1','USD','5',1795348804000000,'{}','[["USD","5","transfer"]]');
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX orders_unsettled ON orders (venue) WHERE settled = 0;
CREATE INDEX orders_by_parent ON orders (parent_id);
CREATE INDEX orders_by_order_id ON orders (venue, order_id);
CREATE INDEX orders_by_time ON orders (created_at);
CREATE INDEX jobs_open ON jobs (seq) WHERE status IN ('queued', 'claimed');
CREATE VIEW postings AS
  SELECT seq, line.key AS line, venue, line.value ->> 0 AS asset, line.value ->> 1 AS amount,
    line.value ->> 2 AS contra
  FROM (SELECT seq, venue, postings FROM fills UNION ALL SELECT seq, venue, postings FROM busts
        UNION ALL SELECT seq, venue, postings FROM transfers) AS event,
    json_each(iif(json_valid(event.postings), event.postings, '[]')) AS line
  UNION ALL SELECT seq, 0, venue, asset, amount, kind FROM anchors;
CREATE INDEX leases_by_end ON leases (expires_at);
COMMIT;
PRAGMA user_version = 4;
