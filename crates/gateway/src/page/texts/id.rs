//! Bahasa Indonesia.

use super::{Texts, Words};
use crate::language::Language;
use gerai_domain::Chain;

pub(super) const TEXTS: Texts = Texts {
    language: Language::Indonesian,
    skip: "Langsung ke isi",
    merchant: "Penjual",
    goods: "Pesanan",
    amount: "Jumlah yang harus dibayar",
    bare_amount: "Jumlah",
    exactly: "Bayar tunai, tepat sejumlah ini.",
    choose_title: "Pilih toko tempat Anda membayar",
    choose_lead: "Anda akan mendapat nomor pembayaran yang hanya berlaku di toko pilihan Anda.",
    choose_button: "Dapatkan nomor pembayaran",
    choose_once: "Pilihan toko tidak dapat diganti setelah nomor terbit.",
    pay_title: |stores| format!("Bayar di {stores}"),
    number: "Nomor pembayaran",
    copy: "Salin nomor",
    copied: "Nomor disalin",
    barcode: "Kode batang nomor pembayaran",
    qr: "Kode QR nomor pembayaran",
    scan: "Tunjukkan kode ini kepada kasir, atau bacakan nomornya.",
    pay_by: "Bayar paling lambat",
    time_left: "Sisa waktu",
    day: "hari",
    days: "hari",
    last_moments: "Saat terakhir untuk membayar di tiap toko",
    too_late: "Sudah tidak bisa dibayar di sini: toko baru buka lagi setelah batas waktunya lewat.",
    closed_until: |time| format!("Saat ini tutup untuk pembayaran, buka lagi pukul {time}."),
    closed_daily: |period| format!("Tutup {period} tiap hari."),
    wib: "WIB adalah waktu Jakarta (UTC+7): jam di Bali dan Makassar satu jam lebih cepat, \
          di Papua dua jam.",
    tell_cashier: "Katakan kepada kasir",
    meaning: None,
    till_shows: |biller| format!("Di layar kasir akan tertera: {biller}."),
    how: "Cara membayar",
    steps: |chain, stores, carrier, amount| {
        let desk = match chain {
            Chain::Alma => "pembayaran tagihan (e-payment)",
            Chain::Indo => "Payment Point",
        };
        vec![
            format!("Datang ke {stores}, sebelum batas waktunya."),
            format!("Katakan kepada kasir bahwa Anda mau membayar {carrier} lewat {desk}."),
            "Tunjukkan kode batang, atau bacakan nomor pembayarannya.".into(),
            format!("Cocokkan nama penjual dan jumlahnya, lalu bayar tunai tepat {amount}."),
            "Ambil struknya dan simpan sebagai bukti pembayaran.".into(),
        ]
    },
    or: "atau",
    counter: "Sandbox: bayar nomor ini di kasir",
    print: "Cetak",
    print_by_hand: "Untuk dibawa ke toko, catat nomornya, potret halaman ini, atau cetak lewat menu peramban Anda.",
    watching: "Halaman ini berubah sendiri begitu pembayaran diterima.",
    look_again: "Periksa lagi apakah sudah dibayar",
    back: "Kembali ke toko online",
    paid_at: |store, moment| format!("Dibayar di {store} pada {moment}."),
    paid: Words {
        head: "Sudah dibayar",
        text: "Terima kasih. Pembayaran sudah diterima dan penjual diberi tahu. Simpan struk Anda.",
    },
    confirming: Words {
        head: "Sedang dikonfirmasi",
        text: "Toko sedang mengonfirmasi pembayaran. Tunggu sebentar di kasir; jangan membayar dua kali.",
    },
    begun: Words {
        head: "Sebuah toko sudah memulai pembayaran ini.",
        text: "Jika Anda memegang struknya, jangan membayar atau memesan lagi: tanyakan kepada penjual.",
    },
    all_too_late: Words {
        head: "Sudah terlambat untuk dibayar",
        text: "Tidak ada toko yang buka lagi sebelum batas waktunya lewat. Pesan ulang di toko online, atau tanyakan \
               kepada penjual.",
    },
    expired: Words {
        head: "Batas waktu sudah lewat",
        text: "Pembayaran ini tidak dapat dibayar lagi. Pesan ulang di toko online jika Anda masih menginginkannya.",
    },
    cancelled: Words {
        head: "Dibatalkan",
        text: "Penjual membatalkan pembayaran ini; jangan dibayar lagi. Hubungi penjual jika Anda ragu.",
    },
    returned: Words {
        head: "Dana dikembalikan",
        text: "Pembayaran ini sudah dikembalikan. Hubungi penjual jika ada pertanyaan.",
    },
    no_store: Words {
        head: "Tidak ada toko yang menerima pembayaran ini",
        text: "Hubungi penjual untuk cara bayar lain.",
    },
    unknown: Words {
        head: "Pembayaran tidak ditemukan",
        text: "Periksa lagi tautannya: mungkin terpotong. Jika tetap tidak ditemukan, buka lagi dari toko online Anda.",
    },
    limited: Words {
        head: "Terlalu banyak percobaan",
        text: "Tunggu sebentar, lalu buka lagi tautan dari toko online Anda.",
    },
    busy: Words {
        head: "Sedang sibuk",
        text: "Halaman ini belum dapat ditampilkan. Coba lagi sebentar lagi; pembayaran Anda tidak berubah.",
    },
    hint_form_too_old: "Halaman ini sudah terlalu lama terbuka, jadi belum ada yang diubah. Silakan coba sekali lagi.",
    hint_unread: "Isian tidak terbaca. Silakan coba sekali lagi.",
    hint_choose_one: "Pilih salah satu toko.",
    hint_store_not_open: "Toko itu tidak dapat dipakai untuk pembayaran ini. Pilih yang lain.",
    hint_store_too_late: "Toko itu baru buka lagi setelah batas waktunya lewat. Pilih yang lain.",
};
