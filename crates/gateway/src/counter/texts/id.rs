//! Bahasa Indonesia.

use super::super::why::Why;
use super::{Texts, Words};
use crate::store::Service;

pub(super) const TEXTS: Texts = Texts {
    skip: "Langsung ke isi",
    title: "Kasir",
    sandbox: "Sandbox",
    lead: "Jadilah kasirnya: tanpa pergi ke toko, tanpa uang sungguhan.",
    docs: "Dokumen API",
    clock: "Jam gateway",
    frozen: "berhenti",
    number: "Nomor pembayaran",
    number_help: "Pindai, atau ketik 12 angkanya; spasi dan tanda hubung tidak masalah.",
    look_up: "Cek nomor",
    store: "Toko",
    till: "Kode toko dan kasir",
    store_code: "Kode toko",
    terminal: "Kasir",
    always_open: "buka 24 jam",
    open_until: |time| format!("buka sampai {time}"),
    closed_until: |time| format!("tutup sampai {time}"),
    closed_now: |brands, moment| format!("{brands}: tutup untuk pembayaran sampai {moment}."),
    move_clock: |moment| format!("Majukan jam ke {moment}"),
    bill_title: "Tagihan",
    biller: "Penagih",
    customer: "Pelanggan",
    goods: "Pembelian",
    amount: "Jumlah",
    payable_until: "Berlaku sampai",
    trace: "Trace",
    cash_title: "Terima uang",
    cash: "Uang diterima",
    cash_help: "Rupiah bulat, misalnya 50000 atau 50.000.",
    quick: "Atau terima langsung",
    exact: "uang pas",
    change_is: |change| format!("kembali {change}"),
    short_by: "Masih kurang",
    change: "Kembalian",
    steps: "Jaringan ini membayar dalam dua langkah",
    pay_and_commit: "Bayar dan commit",
    pay_only: "Bayar, commit nanti",
    pay_only_help: "Berhenti di ready to commit, untuk melihat apa yang terjadi tanpa langkah kedua.",
    leave: "Tinggalkan, nomor lain",
    take: "Terima pembayaran",
    ready_title: "Diterima, belum di-commit",
    ready_text: "Penjual belum diberi tahu. Struk dicetak setelah commit.",
    commit_by: |moment| {
        format!(
            "Commit paling lambat {moment}; tanpa commit pembayaran kembali menjadi belum dibayar dengan sendirinya."
        )
    },
    lapsed: |moment| {
        format!(
            "Waktu commit berakhir {moment}, dan pembayaran kembali menjadi belum dibayar. Commit yang terlambat masih \
             diterima selama belum ada pembayaran lain."
        )
    },
    commit: "Commit",
    commit_late: "Commit terlambat",
    let_lapse: "Biarkan waktunya lewat",
    look_again: "Cek nomor lagi",
    paid_title: "Lunas",
    paid_text: "Serahkan kembalian dan struknya. Penjual sedang diberi tahu.",
    receipt: "Struk",
    print: "Cetak struk",
    next: "Pelanggan berikutnya",
    reverse_title: "Batalkan pembayaran ini",
    reverse_until: |time| format!("Bisa sampai pukul {time}; uangnya dikembalikan di kasir."),
    reason: "Alasan",
    reasons: ["Kesalahan kasir", "Pelanggan berubah pikiran", "Struk tidak tercetak"],
    reverse: "Batalkan pembayaran",
    reversed_title: "Pembayaran dibatalkan",
    reversed_text: "Transaksi ini tidak berlaku lagi; nomornya bisa dibayar lagi selama masih berlaku.",
    give_back: "Kembalikan kepada pelanggan",
    again: "Kirim ulang dengan trace yang sama",
    correct: "Kembali ke nomornya",
    at_brand: |brand| format!("Cek di {brand}"),
    code: "Kode jawaban",
    by_fault: "Gateway menjawab begini karena gangguan (fault) yang dipasang di sandbox ini.",
    why,
    hint_form_too_old: "Halaman ini sudah terlalu lama terbuka, atau dikirim situs lain. Belum ada yang dilakukan; silakan coba sekali lagi.",
    hint_unread: "Isian tidak terbaca. Belum ada yang dilakukan; mulailah dari nomor pembayaran.",
    hint_slip_gone: "Lembar ini sudah tidak ada: sandbox dimulai ulang atau di-reset. Mulailah dari nomor pembayaran.",
    hint_number_missing: "Ketik atau pindai nomor pembayarannya dahulu.",
    hint_cash_unread: "Ketik uang yang diterima dalam rupiah bulat. Belum ada yang dikirim.",
    hint_cash_short: "Uangnya kurang dari jumlah tagihan, jadi belum ada yang dikirim. Minta kekurangannya.",
    hint_clock_busy: "Jam masih bergerak dari perpindahan sebelumnya. Tunggu sebentar, lalu coba lagi.",
};

fn why(why: Why, service: Service) -> Words {
    let uncertain = match service {
        Service::Inquiry => "Belum ada yang dibayar. Kirim ulang.",
        Service::Payment => {
            "Kasir tidak tahu apakah pembayaran sudah diterima. Sisihkan uangnya dan kirim ulang: trace yang sama \
             mendapat struk yang sama, jadi tidak ada yang membayar dua kali. Atau batalkan transaksinya."
        }
        Service::Commit => {
            "Pembayaran sudah diterima, tetapi belum pasti commit-nya sampai. Jangan terima uang lagi; kirim ulang \
             commit yang sama, atau batalkan pembayarannya."
        }
        Service::Reversal => {
            "Belum pasti pembayaran sudah dibatalkan. Kirim ulang pembatalannya; yang kedua tidak berbahaya. Kembalikan \
             uang hanya setelah dipastikan."
        }
    };
    let (head, text) = match why {
        Why::TwelveDigits => (
            "Bukan nomor pembayaran",
            "Nomor pembayaran terdiri dari 12 angka. Hitung lagi, atau minta pelanggan menunjukkan layarnya.",
        ),
        Why::Mistyped => (
            "Salah ketik",
            "Angka-angkanya tidak cocok satu sama lain. Baca lagi nomornya, atau pindai kode batangnya.",
        ),
        Why::Unknown => (
            "Nomor tidak dikenal",
            "Nomor pembayaran ini tidak ada. Cocokkan dengan milik pelanggan; jangan terima uang.",
        ),
        Why::NoLongerValid => (
            "Tidak berlaku lagi",
            "Penjual sudah membatalkan pembayaran ini, atau dananya sudah dikembalikan. Jangan terima uang; pelanggan \
             menghubungi penjual.",
        ),
        Why::InvalidNumber => {
            ("Nomor tidak berlaku", "Nomor ini tidak dapat dibayar. Jangan terima uang; pelanggan menghubungi penjual.")
        }
        Why::OtherChain => (
            "Untuk jaringan toko lain",
            "Nomor ini dibayar di jaringan toko lain. Jangan terima uang, dan arahkan pelanggan ke sana.",
        ),
        Why::SwitchedOff => (
            "Jaringan dinonaktifkan",
            "Gateway saat ini tidak menerima transaksi baru dari jaringan ini. Jangan terima uang; operator dapat \
             mengaktifkannya.",
        ),
        Why::Closed => (
            "Tutup untuk pembayaran",
            "Toko ini tidak menerima pembayaran pada jam ini. Jangan terima uang; pelanggan kembali setelah buka.",
        ),
        Why::NotPermitted => (
            "Ditolak",
            "Jaringan ini tidak boleh menerima pembayaran tersebut. Jangan terima uang; coba toko lain atau tanya \
             operator.",
        ),
        Why::TooLateToReverse => (
            "Terlambat untuk dibatalkan",
            "Waktunya sudah lewat, jadi pembayaran tetap berlaku. Jangan kembalikan uang; operator gateway sudah diberi \
             tahu dan mengembalikannya secara manual.",
        ),
        Why::InvalidAmount => (
            "Jumlah tidak sesuai",
            "Pembayaran harus tepat sejumlah yang tertera. Kembalikan uangnya, lalu cek nomornya lagi.",
        ),
        Why::AlreadyPaid => {
            ("Sudah dibayar", "Nomor ini sudah dibayar. Jangan terima uang; pelanggan menghubungi penjual.")
        }
        Why::NoSuchAttempt => match service {
            Service::Inquiry | Service::Payment => (
                "Transaksi sudah dibatalkan",
                "Trace ini sudah dibatalkan dan tidak akan dibayar lagi. Kembalikan uangnya, atau mulai lagi dari \
                 nomornya.",
            ),
            Service::Commit | Service::Reversal => (
                "Transaksi tidak ada",
                "Tidak ada transaksi dengan trace ini: sudah dibatalkan, atau sudah dibayar pihak lain. Jangan serahkan \
                 struk, dan kembalikan uangnya.",
            ),
        },
        Why::Expired => (
            "Kedaluwarsa",
            "Batas waktu nomor ini sudah lewat. Jangan terima uang; pelanggan memesan ulang di toko online.",
        ),
        Why::Conflict => (
            "Trace sudah terpakai",
            "Trace ini milik transaksi lain. Mulai lagi dari nomornya untuk mendapat trace baru.",
        ),
        Why::UnderWay => (
            "Sedang diproses kasir lain",
            "Nomor ini sedang dibayar di kasir lain, atau menunggu commit. Jangan terima uang; coba lagi beberapa menit \
             lagi.",
        ),
        Why::InvalidField => ("Isian salah", "Perbaiki nomor, kode toko, kasir, atau alasannya, lalu coba lagi."),
        Why::MissingField => ("Isian kurang", "Isi semua yang diminta, lalu coba lagi."),
        Why::Unauthorised => (
            "Kasir tidak dikenali",
            "Gateway tidak menerima tanda tangan kasir ini. Jangan terima uang; periksa secret jaringan dan jamnya.",
        ),
        Why::Limited => {
            ("Terlalu banyak permintaan", "Gateway menahan kasir ini. Tunggu beberapa detik, lalu kirim ulang.")
        }
        Why::GeneralError => ("Gateway tidak dapat memprosesnya", uncertain),
        Why::Other => ("Ditolak", "Gateway memberi kode yang tidak dikenal kasir ini. Jangan terima uang."),
        Why::NoAnswer => ("Tidak ada jawaban", uncertain),
        Why::Late => ("Jawaban tidak datang tepat waktu", uncertain),
        Why::Unreadable => ("Jawaban tidak terbaca", uncertain),
        Why::Proxy => ("Yang datang halaman galat, bukan jawaban", uncertain),
        Why::NoPartner => (
            "Jaringan belum disiapkan",
            "Sandbox ini tidak punya mitra untuk jaringan tersebut, jadi tidak ada yang dikirim. Tambahkan dengan gerai \
             partner.",
        ),
        Why::NotSent => {
            ("Belum dikirim", "Sandbox sedang sibuk, dan belum ada yang dikirim. Kirim ulang sebentar lagi.")
        }
        Why::FormTooOld => (
            "Halaman dari sebelum sandbox dimulai ulang",
            "Belum ada yang dikirim. Kirim ulang: transaksinya tetap sama, dengan trace yang sama.",
        ),
    };
    Words { head, text }
}
