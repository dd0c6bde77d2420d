# frozen_string_literal: true

# All layers of an image at once, in fibers on one thread: while a call waits for the registry, other fibers run. Here they are those of the
# gem async, and it is the same with any other scheduler of fibers (Fiber.set_scheduler).
#
#   ruby fibers.rb quay.io/prometheus/busybox layers
require "async"
require "ocireg"

image, folder = ARGV
abort "usage: fibers.rb IMAGE FOLDER" unless folder
client = Ocireg::Client.new(stored_credentials: true)
clock = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) }
gap = threads = failed = 0
Async do |task|
  watch = task.async(transient: true) do # what a program would do meanwhile: it does not keep the others from ending
    loop do
      begun = clock.call
      sleep 0.005
      gap = [gap, clock.call - begun].max
      threads = [threads, Dir.children("/proc/self/task").size].max
    end
  end
  manifest = client.manifest(image)
  downloads = manifest.layers.map do |layer|
    task.async do
      path = "#{folder}/#{layer["digest"].tr(":", "-")}"
      client.blob_to_file("#{manifest.repository}@#{layer["digest"]}", path, size: layer["size"])
      puts path
    rescue Ocireg::Error => e
      failed += 1
      warn "#{layer["digest"]}: #{e.message}"
    end
  end
  config = client.blob("#{manifest.repository}@#{manifest.config["digest"]}")
  puts "config of #{config.bytesize} bytes"
  downloads.each(&:wait)
ensure
  watch&.stop
end.wait
puts format("at most %.0f ms between two turns, %d threads", gap * 1000, threads)
exit failed.zero?
